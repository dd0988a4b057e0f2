package dev.slipway.analysis.mixnode.packet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class PacketTest {

    private static final UUID KEY = UUID.randomUUID();
    private static final byte[] SUBMISSION = "{\"name\":\"first\",\"values\":[1,2]}".getBytes(StandardCharsets.UTF_8);
    private static final Instant NOW = Instant.parse("2026-11-21T08:00:59Z");

    @TempDir
    static Path keys;

    private static final Map<Hop, Opener> openers = new EnumMap<>(Hop.class);
    private static Sealer sealer;

    @BeforeAll
    static void makeKeys() throws Exception {
        Keys.writeMissing(keys);
        sealer = new Sealer(Keys.readPublic(keys));
        for (Hop hop : Hop.values()) {
            openers.put(hop, new Opener(hop, Keys.readPrivate(Keys.privateFile(keys, hop))));
        }
    }

    @Test
    void eachNodeRemovesOneLayerAndTheExitFindsTheSubmission() throws Exception {
        byte[] atEntry = packetFor(Hop.ENTRY);
        byte[] atMiddle = passedOn(Hop.ENTRY, atEntry);
        byte[] atExit = passedOn(Hop.MIDDLE, atMiddle);

        assertThat(atEntry).hasSize(2048);
        assertThat(atMiddle).hasSize(2048);
        assertThat(atExit).hasSize(2048);
        assertThat(open(Hop.EXIT, atExit)).isInstanceOfSatisfying(Opener.Submission.class, submission -> {
            assertThat(submission.idempotencyKey()).isEqualTo(KEY);
            assertThat(submission.content()).isEqualTo(SUBMISSION);
            assertThat(submission.minute()).isEqualTo((int) (NOW.getEpochSecond() / 60));
        });
    }

    @ParameterizedTest
    @EnumSource
    void aPacketWithAnyBitChangedIsRefused(Hop hop) throws Exception {
        byte[] packet = packetFor(hop);
        open(hop, packet);

        for (int i = 0; i < packet.length; i++) {
            byte[] tampered = packet.clone();
            tampered[i] ^= (byte) (1 << (i % 8));
            assertRefused(hop, tampered, "byte " + i);
        }
        byte[] highestBitOfThePublicKey = packet.clone(); // X25519 itself ignores it.
        highestBitOfThePublicKey[31] ^= (byte) 0x80;
        assertRefused(hop, highestBitOfThePublicKey, "bit 255");
    }

    @ParameterizedTest
    @EnumSource
    void aPacketForAnotherNodeIsRefused(Hop hop) throws Exception {
        byte[] packet = packetFor(hop);

        for (Hop other : Hop.values()) {
            if (other != hop) {
                assertRefused(other, packet, other.label());
            }
        }
    }

    @Test
    void aPacketForTheKeyBeforeIsOpenedUntilThatIsRetired(@TempDir Path folder) throws Exception {
        Keys.writeMissing(folder);
        byte[] before = new Sealer(Keys.readPublic(folder)).seal(KEY, SUBMISSION, NOW);

        Keys.renew(folder, Hop.ENTRY);
        byte[] after = new Sealer(Keys.readPublic(folder)).seal(KEY, SUBMISSION, NOW);
        assertThat(entry(folder).open(before)).isNotNull();
        assertThat(entry(folder).open(after)).isNotNull();

        Keys.retire(folder, Hop.ENTRY);
        assertThat(entry(folder).open(after)).isNotNull();
        assertThatExceptionOfType(Opener.RefusedException.class).isThrownBy(() -> entry(folder).open(before));
    }

    private static Opener entry(Path folder) {
        return new Opener(Hop.ENTRY, Keys.readPrivate(Keys.privateFile(folder, Hop.ENTRY)));
    }

    @Test
    void packetsOfOneSubmissionShareNothingThatCanBeSeen() throws Exception {
        for (Hop hop : Hop.values()) {
            byte[] one = packetFor(hop);
            byte[] other = packetFor(hop);
            int equal = 0;
            for (int i = 0; i < one.length; i++) {
                equal += one[i] == other[i] ? 1 : 0;
            }
            assertThat(equal).as(hop.label()).isLessThan(40); // 8 in the mean, by chance.
        }
    }

    @ParameterizedTest
    @EnumSource
    void everyByteOfAPacketLooksRandom(Hop hop) throws Exception {
        int packets = 200;
        long[] count = new long[256];
        for (int i = 0; i < packets; i++) {
            byte[] packet = packetFor(hop);
            for (int j = 0; j < packet.length; j++) {
                count[packet[j] & 0xff]++;
            }
        }

        // The highest bit of the public key is always clear, which the bound has room for.
        double expected = packets * 2048 / 256.0;
        double chiSquare = Arrays.stream(count).mapToDouble(n -> (n - expected) * (n - expected) / expected).sum();
        assertThat(chiSquare).isLessThan(255 + 6 * Math.sqrt(2 * 255));
    }

    @Test
    void theLongestSubmissionFitsAndOneByteMoreIsRefused() throws Exception {
        byte[] longest = new byte[Layer.MAX_SUBMISSION_LENGTH];
        Arrays.fill(longest, (byte) 'x');

        byte[] packet = passedOn(Hop.MIDDLE, passedOn(Hop.ENTRY, sealer.seal(KEY, longest, NOW)));
        assertThat(((Opener.Submission) open(Hop.EXIT, packet)).content()).isEqualTo(longest);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> sealer.seal(KEY, new byte[Layer.MAX_SUBMISSION_LENGTH + 1], NOW))
                .withMessage("The submission is 1811 bytes long, and a packet holds 1810: send fewer values at once.");
    }

    private static byte[] packetFor(Hop hop) throws Exception {
        byte[] packet = sealer.seal(KEY, SUBMISSION, NOW);
        for (int i = 0; i < hop.ordinal(); i++) {
            packet = passedOn(Hop.values()[i], packet);
        }
        return packet;
    }

    private static byte[] passedOn(Hop hop, byte[] packet) throws Exception {
        return ((Opener.Relayed) open(hop, packet)).packet();
    }

    private static Opener.Opened open(Hop hop, byte[] packet) throws Exception {
        return openers.get(hop).open(packet);
    }

    private static void assertRefused(Hop hop, byte[] packet, String what) {
        assertThatExceptionOfType(Opener.RefusedException.class).as(what).isThrownBy(() -> open(hop, packet));
    }
}
