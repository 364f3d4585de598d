"""The gateways: the only modules that know a protocol."""
