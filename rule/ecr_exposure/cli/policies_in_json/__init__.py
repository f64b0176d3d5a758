"""Repository policies in JSON files, and in what AWS Config recorded.

In reading order: ``json_documents`` says which of the forms a JSON text has, and finds its policies;
``config_items`` takes those of configuration items, and ``config_snapshot`` those of the large files of AWS Config.
"""
