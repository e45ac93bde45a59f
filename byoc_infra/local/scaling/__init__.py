"""Application Auto Scaling: what is registered, and the scaler that sets desired counts."""
