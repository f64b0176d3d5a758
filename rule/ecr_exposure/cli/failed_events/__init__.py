"""The events on which the function failed three times: the queue, which of them are the newest, new invocations."""
