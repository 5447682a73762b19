"""What is known of the files of kohya's trainers; `layouts.kohya` and `layouts.musubi` use it."""
