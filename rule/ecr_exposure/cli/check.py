"""x."""
import click
@click.command()
def check() -> None:
    """Check files for repository policies that grant public access."""
