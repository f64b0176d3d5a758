"""What is known of a repository policy and its place, wherever it was found, and the evaluation of it.

The readers of files and of AWS import this package, and so do policy_report and the commands.

In reading order: ``found_policy`` is what every reader yields, with its place, and the error of what cannot be read;
``unknown_values`` are the parts of a policy that a file does not say. ``readings`` resolves them in favor of access and
against it, and ``outcome`` evaluates both. For the readers of files: ``code_facts`` is what a reader is told,
``file_texts`` decodes a file, ``json_positions`` says where the parts of a JSON text are, and ``decisions`` resolves a
policy once for each answer to what its code leaves open.
"""
