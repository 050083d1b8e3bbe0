//! Ways to look at a policy: the reference evaluator, explanations.
