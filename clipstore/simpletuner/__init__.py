"""What is known of SimpleTuner's files; `layouts.simpletuner` puts it together."""
