CREATE TABLE customer_order (
    id         BINARY(16)     NOT NULL PRIMARY KEY,
    customer   VARCHAR(200)   NOT NULL,
    amount     DECIMAL(12, 2) NOT NULL,
    status     ENUM('NEW', 'PAID', 'CANCELLED') NOT NULL,
    created_at DATETIME(6)    NOT NULL
);
