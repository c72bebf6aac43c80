"""What the model runtime image adds to MLflow and MLServer: one command that trains, one that serves."""
