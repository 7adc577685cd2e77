-- Whether a namespace has any object of a size: clients hash a file before they send it only then. The new index also serves what the old one did.
CREATE INDEX objects_by_size ON objects (namespace, size);
DROP INDEX objects_by_namespace;
