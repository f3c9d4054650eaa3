"""How people sign: policies as data, requests, votes with e-signatures, separation of duties."""
