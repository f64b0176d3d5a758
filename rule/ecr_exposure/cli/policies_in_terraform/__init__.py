"""Repository policies in Terraform and OpenTofu code, before there is a plan.

In reading order: ``terraform_folders`` collects the folders and their files, and ``terraform_source`` finds the
resources in them; ``terraform_blocks`` are the blocks of a folder, ``terraform_module`` says what their names mean, and
``terraform_instances`` how often a block is there. ``terraform_values`` evaluates expressions, with
``terraform_operators``, ``terraform_functions`` and ``type_constraints``. The values: ``located_values`` keep where
they are written, ``uncertain_values`` and ``uncertain_statements`` are unknown but for what the code says of them, and
``named_by_code`` are attributes that name one principal. ``policy_document_data`` makes policies of data sources, and
``statement_places`` says where the statements of a policy are written.
"""
