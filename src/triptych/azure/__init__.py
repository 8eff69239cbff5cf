"""What is checked, counted and configured on this machine before anything goes to Azure ML."""
