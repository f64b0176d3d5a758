"""What ``ecr-exposure fix`` does with a policy: as a text, in a file and in a repository."""
