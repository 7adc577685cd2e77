-- Whether a namespace has any object of a size: clients hash a file before they send it only then. Smaller files are hashed anyway, and cost no row.
CREATE INDEX objects_by_size ON objects (namespace, size) WHERE size > 5242880;
