//! Development parameters, and their cache on disk.
