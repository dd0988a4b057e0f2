package dev.slipway.analysis.analyses;

/** So much waits for the workers that no more is taken in. */
public class QueueFullException extends RuntimeException {}
