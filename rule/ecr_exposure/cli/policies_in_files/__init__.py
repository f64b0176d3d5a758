"""Repository policies as files have them: where they stand, what they leave open, and the evaluation before deployment.

In reading order: ``found_policy`` is what every reader of a kind of file yields; ``unknown_values`` are the parts that
a file does not say. ``readings`` resolves them in favor of access and against it, and ``outcome`` evaluates both.
Templates: ``cloudformation`` finds the resources in the tree of ``template_nodes``, which ``yaml_nodes`` makes of YAML;
``template_policies`` takes their policies, with ``intrinsic_functions``, ``template_scope`` and ``template_decisions``.
Terraform code: ``hcl_tokens``, ``hcl_expressions``, ``hcl_templates`` and ``hcl_reader`` read the text;
``terraform_values`` evaluates expressions, with ``terraform_functions``, ``located_values``, ``type_constraints`` and
``uncertain_statements``; ``terraform_module`` says what names mean, ``policy_document_data`` makes policies of data
sources, and ``terraform_source`` finds the resources, with ``statement_places``.
"""
