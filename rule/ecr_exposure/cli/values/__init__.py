"""The values of the stack: what parameters.yaml has, what the template accepts, and what preflight would choose.

``parameters_file`` reads and changes the file. ``template_parameters`` says which values template.yaml accepts, and
``template_rules`` which it refuses together. ``project_folder`` is the folder of both files, and ``sam_deploy`` how SAM
CLI reads the first. ``proposed_values`` follow from the organization, ``refused_values`` would fail the deployment or
belong to another organization, and ``values_report`` writes and prints.
``stack_changes`` compares the values with the deployed stacks.
"""
