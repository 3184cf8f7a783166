"""Everything on one machine: embedded servers, the sandbox and the processes of the Procfile."""
