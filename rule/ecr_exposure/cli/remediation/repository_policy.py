"""The policy of one repository in Amazon ECR: read, set and deleted."""

from collections.abc import Mapping
from dataclasses import dataclass

from botocore.exceptions import ClientError

from ecr_exposure.cli.aws_calls import Clients, NotAwsError, Unknown, attempt, error_code, required
from ecr_exposure.cli.command_line import CannotRunError
from ecr_exposure.identifiers import account_of, region_of
from ecr_exposure.repository import Repository, tags_of_list

_NO_REPOSITORY = "RepositoryNotFoundException"
_NO_POLICY = "RepositoryPolicyNotFoundException"


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRepository:
    """A repository that exists, with the clients of its account and Region.

    Each method raises CannotRunError if the repository is gone, and one of AWS_ERRORS.
    """

    name: str
    arn: str
    clients: Clients

    @property
    def account(self) -> str:
        """Its account."""
        return account_of(self.arn)

    @property
    def region(self) -> str:
        """Its Region."""
        return region_of(self.arn)

    def __str__(self) -> str:
        """Return name, account and Region."""
        return f"{self.name} in account {self.account}, {self.region}"

    def read(self, *, once: bool = False) -> str | None:
        """Return the text of the policy as Amazon ECR returns it, None for no policy; ``once``: without repetition.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetRepositoryPolicy.html
        """
        client = self.clients.ecr_changes if once else self.clients.ecr
        try:
            response = client.get_repository_policy(repositoryName=self.name, registryId=self.account)
        except ClientError as error:
            if error_code(error) == _NO_POLICY:
                return None
            raise self._gone(error) from None
        text = required(response, lambda found: found["policyText"])
        if not text:
            raise NotAwsError("the response to GetRepositoryPolicy has an empty policy, so it did not come from AWS")
        return text

    def write(self, text: str | None) -> None:
        """Set the policy, or delete it for None; one attempt, and a policy that is already deleted is no error.

        ``force`` is never sent: it would let a policy through that locks the caller out.
        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_SetRepositoryPolicy.html
        """
        client = self.clients.ecr_changes
        try:
            if text is None:
                client.delete_repository_policy(repositoryName=self.name, registryId=self.account)
            else:
                client.set_repository_policy(repositoryName=self.name, registryId=self.account, policyText=text)
        except ClientError as error:
            if text is not None or error_code(error) != _NO_POLICY:
                raise self._gone(error) from None

    def tags(self) -> Mapping[str, str] | Unknown:
        """Return the tags; raises CredentialsExpiredError.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListTagsForResource.html
        """
        listed = attempt(
            lambda: required(self.clients.ecr.list_tags_for_resource(resourceArn=self.arn), lambda found: found["tags"])
        )
        if isinstance(listed, Unknown):
            return listed
        tags = tags_of_list(listed)
        return Unknown("Amazon ECR returned another form of tags") if tags is None else tags

    def described(self, policy: str, tags: Mapping[str, str] | None) -> Repository:
        """Return it as the rule evaluates it."""
        return Repository(
            account=self.account, region=self.region, name=self.name, arn=self.arn, policy=policy, tags=tags
        )

    def _gone(self, error: ClientError) -> Exception:
        if error_code(error) == _NO_REPOSITORY:
            return CannotRunError(f"the repository {self} does not exist any more")
        return error


def find_repository(clients: Clients, name: str, account: str, region: str, *, advice: str = "") -> LiveRepository:
    """Return the repository of this name; raises CannotRunError if there is none, and one of AWS_ERRORS.

    advice: what to do if there is none.

    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRepositories.html
    """
    try:
        response = clients.ecr.describe_repositories(registryId=account, repositoryNames=[name])
    except ClientError as error:
        if error_code(error) == _NO_REPOSITORY:
            raise CannotRunError(f"account {account} has no repository {name!r} in {region}{advice}") from None
        raise
    found = required(response, lambda each: each["repositories"])
    arns = [required(each, lambda one: one["repositoryArn"]) for each in found]
    if len(arns) != 1 or (account_of(arns[0]), region_of(arns[0])) != (account, region):
        raise NotAwsError(
            "the response to DescribeRepositories is not about this repository, so it did not come from AWS"
        )
    return LiveRepository(name=name, arn=arns[0], clients=clients)
