package dev.slipway.analysis.access;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The form of a token, which scripts/token.sh makes: the project's name, 256 random bits as 43 letters and digits, and the first six
 * hexadecimal digits of their SHA-256. So secret scanners know one, and a slip in copying is told from a token that nobody was given.
 */
final class Token {

    private static final Pattern FORM = Pattern.compile("([a-z][a-z0-9-]*)_([A-Za-z0-9]{43})_([0-9a-f]{6})");
    private static final Pattern IN_A_QUERY = Pattern.compile("(^|&)access_token=|" + FORM);

    /** What development's begin with after the prefix: everybody knows them. */
    private static final String KNOWN = "development";

    private Token() {}

    /** What is wrong with the form of a text that should be a token of this project; null if nothing is. */
    static RefusedTokenException.@Nullable Reason flaw(String text, String prefix) {
        Matcher form = FORM.matcher(text);
        if (!form.matches() || !HexFormat.of().formatHex(sha256(form.group(2))).startsWith(form.group(3))) {
            return RefusedTokenException.Reason.MALFORMED;
        }
        return form.group(1).equals(prefix) ? null : RefusedTokenException.Reason.FOREIGN;
    }

    static boolean isKnownToEverybody(String token) {
        Matcher form = FORM.matcher(token);
        return form.matches() && form.group(2).startsWith(KNOWN);
    }

    static boolean isInQuery(@Nullable String query) {
        return query != null && IN_A_QUERY.matcher(query).find();
    }

    static byte[] sha256(String text) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // Every Java platform has SHA-256.
        }
    }
}
