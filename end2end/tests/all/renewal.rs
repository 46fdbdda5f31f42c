//! Renewal information (RFC 9773).
