"""Repository policies in templates of AWS CloudFormation and AWS SAM, in output of the AWS CDK, and in serverless.yml.

In reading order: ``cloudformation`` finds the resources in the tree of ``template_nodes``, which ``yaml_nodes`` makes
of YAML; ``template_policies`` takes their policies. ``intrinsic_functions`` resolves the values in them:
``template_scope`` says what names stand for, with ``parameter_patterns``; ``template_texts`` are texts with values in
them, and ``serverless_variables`` those of serverless.yml. ``templates_beside`` reads what the other templates of the
folder give.
"""
