"""Repository policies in plans and states of Terraform and OpenTofu, as ``terraform show -json`` writes them.

In reading order: ``terraform_plan`` finds the policies among the resources of ``plan_resources``.
``deferred_documents`` makes those that are known only after apply, from the references that ``plan_configuration``
resolves and the arguments that ``policy_document_arguments`` knows.
"""
