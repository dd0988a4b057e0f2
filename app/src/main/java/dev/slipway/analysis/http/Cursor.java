package dev.slipway.analysis.http;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.UUID;
import java.util.zip.CRC32;
import org.springframework.http.HttpStatus;
import org.springframework.web.ErrorResponseException;

/**
 * Where a page ended, for the next one's start: so a page costs the same wherever it is, and none is shown twice where others are added. It stays
 * good when that row is deleted.
 *
 * @param value what the rows are ordered by, as text
 * @param id what orders them where the value is equal
 */
public record Cursor(String value, UUID id) {

    private static final int HEAD = Integer.BYTES + 2 * Long.BYTES;

    /**
     * What a client gets, and gives back.
     *
     * @param query what orders and filters these pages, in any words: the cursor is good for no other
     */
    public String encode(String query) {
        byte[] text = value.getBytes(StandardCharsets.UTF_8);
        byte[] bytes = ByteBuffer.allocate(HEAD + text.length)
                .putInt(checksum(query))
                .putLong(id.getMostSignificantBits()).putLong(id.getLeastSignificantBits())
                .put(text)
                .array();
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    /** @throws ErrorResponseException 400, if this is no cursor that {@link #encode} made for this query */
    public static Cursor decode(String cursor, String query) {
        try {
            ByteBuffer bytes = ByteBuffer.wrap(Base64.getUrlDecoder().decode(cursor));
            if (bytes.remaining() >= HEAD) {
                int checksum = bytes.getInt();
                UUID id = new UUID(bytes.getLong(), bytes.getLong());
                Cursor decoded = new Cursor(StandardCharsets.UTF_8.decode(bytes).toString(), id);
                if (decoded.checksum(query) == checksum) {
                    return decoded;
                }
            }
        } catch (IllegalArgumentException e) {
            // As one of another query.
        }
        ErrorResponseException unfit = new ErrorResponseException(HttpStatus.BAD_REQUEST);
        unfit.setDetail("The cursor is damaged, or of another sort, filter or version: take next of a page that was asked for in this way, or begin at the first.");
        throw unfit;
    }

    private int checksum(String query) {
        CRC32 checksum = new CRC32();
        checksum.update((query + '\n' + id + '\n' + value).getBytes(StandardCharsets.UTF_8));
        return (int) checksum.getValue();
    }
}
