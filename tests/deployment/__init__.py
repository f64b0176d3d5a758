"""Tests of the templates, of what `sam build` and RDK make of the project, and of a deployed organization."""
