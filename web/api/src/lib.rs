//! Types of the Galen HTTP interface and a typed client.
