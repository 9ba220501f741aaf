//! Circuit ids, pinned verifying keys, and the two ends that use them.
