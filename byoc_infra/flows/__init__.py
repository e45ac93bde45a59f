"""What the command and the control plane do alike: spec in, result out."""
