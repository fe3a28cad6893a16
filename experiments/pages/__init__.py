"""What is read: the page of claims, the tables of the networks, the README's numbers."""
