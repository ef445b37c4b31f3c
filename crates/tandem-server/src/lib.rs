//! HTTP: records in, features and predictions out.
