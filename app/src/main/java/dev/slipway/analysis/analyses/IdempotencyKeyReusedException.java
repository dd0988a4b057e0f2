package dev.slipway.analysis.analyses;

/** An {@code Idempotency-Key} came a second time, with another body. */
public class IdempotencyKeyReusedException extends RuntimeException {}
