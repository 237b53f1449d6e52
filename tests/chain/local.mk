# chain
