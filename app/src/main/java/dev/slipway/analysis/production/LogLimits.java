package dev.slipway.analysis.production;

import org.springframework.boot.json.JsonWriter;
import org.springframework.boot.logging.structured.StructuredLoggingJsonMembersCustomizer;

/** Cuts the texts of a structured log's line, so that no line is longer than 16 kB whatever a client sends. */
class LogLimits implements StructuredLoggingJsonMembersCustomizer<Object> {

    /** Bytes as they are written; the message, the exception's and a dozen short ones fit beside the stack trace. */
    private static final int TEXT = 2_000;

    private static final int STACK_TRACE = 8_000;

    @Override
    public void customize(JsonWriter.Members<Object> members) {
        members.applyingValueProcessor((path, value) ->
                value instanceof String text ? cut(text, "stack_trace".equals(path.name()) ? STACK_TRACE : TEXT) : value);
    }

    private static String cut(String text, int limit) {
        int bytes = 0;
        for (int i = 0; i < text.length(); i++) {
            bytes += bytes(text.charAt(i));
            if (bytes > limit) {
                return text.substring(0, i) + "... (" + text.length() + " characters)";
            }
        }
        return text;
    }

    /** What a character takes in UTF-8 and JSON, at most. */
    private static int bytes(char c) {
        if (Character.isISOControl(c)) {
            return 6;
        }
        if (c == '"' || c == '\\' || c == '/') {
            return 2;
        }
        return c < 0x80 ? 1 : 3;
    }
}
