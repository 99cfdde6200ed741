"""Who writes the reasoning: a trace comes in, the text of a training example goes out."""
