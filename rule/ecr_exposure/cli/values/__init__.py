"""The values of the stack: what parameters.yaml has, what the template accepts, and what preflight would choose.

``parameters_file`` reads and changes the file, ``template_parameters`` says what template.yaml accepts,
``project_folder`` is the folder of both, and ``sam_deploy`` how SAM CLI reads the file. ``proposed_values`` follow
from the organization, and ``values_report`` writes and prints them.
``stack_changes`` compares them with the deployed stacks.
"""
