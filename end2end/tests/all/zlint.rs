//! Every certificate that leaves the server stands before zlint, openssl, webpki and Go's x509.
