"""The API's words: bodies and answers, in the platform's field names where it has them."""
