"""What is read besides pictures: folders, prompt files, trainers' settings."""
