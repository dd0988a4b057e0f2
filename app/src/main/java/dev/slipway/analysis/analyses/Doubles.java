package dev.slipway.analysis.analyses;

import java.nio.ByteBuffer;

/** How values are stored: IEEE 754 binary64, big-endian, one after the other. */
final class Doubles {

    private Doubles() {}

    static byte[] toBytes(double[] values) {
        ByteBuffer buffer = ByteBuffer.allocate(values.length * Double.BYTES);
        buffer.asDoubleBuffer().put(values);
        return buffer.array();
    }

    /**
     * The inverse of {@link #toBytes}.
     *
     * @throws IllegalArgumentException if the bytes are no whole number of values
     */
    static double[] fromBytes(byte[] bytes) {
        if (bytes.length % Double.BYTES != 0) {
            throw new IllegalArgumentException("The stored values are damaged: " + bytes.length + " bytes are no whole number of values.");
        }
        double[] values = new double[bytes.length / Double.BYTES];
        ByteBuffer.wrap(bytes).asDoubleBuffer().get(values);
        return values;
    }
}
