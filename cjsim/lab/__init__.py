"""What is learnt: experiments on hypotheses, the journal of what was run, and what changed from one version to the next."""
