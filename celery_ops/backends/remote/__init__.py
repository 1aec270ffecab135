"""What is asked of workers over the broker: gathering, the workers that are known, and what they answered."""
