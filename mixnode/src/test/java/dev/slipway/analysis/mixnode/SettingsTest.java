package dev.slipway.analysis.mixnode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatException;

import dev.slipway.analysis.mixnode.packet.Hop;
import dev.slipway.analysis.mixnode.packet.Keys;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

/** A node with a wrong setting says so in one line and does not start. */
@ExtendWith(OutputCaptureExtension.class)
class SettingsTest {

    @TempDir
    static Path keys;

    @BeforeAll
    static void makeKeys() throws Exception {
        Keys.writeMissing(keys);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
            NODE_TYPE=guard                      | NODE_TYPE is "guard": it must be entry, middle or exit
            NODE_TYPE=entry                      | NEXT_HOP is not set, which only an exit can do without: set it to the next node, http://HOST:PORT
            NODE_TYPE=entry NEXT_HOP=middle      | NEXT_HOP is "middle": it must be http://HOST:PORT, HOST of letters, digits, dots and hyphens
            NODE_TYPE=entry NEXT_HOP=http://a_b:1 | NEXT_HOP is "http://a_b:1": it must be http://HOST:PORT, HOST of letters, digits, dots and hyphens
            NODE_TYPE=entry NEXT_HOP=http://a:99999 | NEXT_HOP is "http://a:99999": it must be http://HOST:PORT, HOST of letters, digits, dots and hyphens
            NODE_TYPE=                           | NODE_TYPE is "": it must be entry, middle or exit
            NODE_TYPE=exit PIPELINE_WORKERS=0    | PIPELINE_WORKERS is "0": it must be greater than or equal to 1
            NODE_TYPE=exit PIPELINE_WORKERS=many | PIPELINE_WORKERS is "many": it must be of type int
            NODE_TYPE=exit LOG_LEVEL=loud        | LOG_LEVEL is "loud": it must be of type LogLevel
            NODE_TYPE=exit MIX_DELAY=90s GIVE_UP_AFTER=5m REPLAY_WINDOW=30m | MIX_DELAY is "PT1M30S": it must be shorter than or equal to 1 minute
            NODE_TYPE=exit MIX_BATCH_SIZE=1      | MIX_BATCH_SIZE is "1": it must be 2 or more, or nothing would be mixed
            NODE_TYPE=exit MIX_DELAY=0           | MIX_DELAY is "PT0S": it must be 10ms or longer, or nothing would be mixed
            NODE_TYPE=exit MIX_DELAY=1m          | MIX_DELAY must not be above half of GIVE_UP_AFTER, or the node before gives up while packets still wait here: shorten it, or lengthen GIVE_UP_AFTER on every node
            NODE_TYPE=exit GIVE_UP_AFTER=5m      | REPLAY_WINDOW must not be below twice MIX_DELAY and GIVE_UP_AFTER together, or a packet that is sent again comes too old to the exit: shorten GIVE_UP_AFTER or MIX_DELAY
            NODE_TYPE=exit REPLAY_LIMIT=3000     | REPLAY_LIMIT must not be below PACKET_LIMIT, or the node would never hold as many packets as it may
            NODE_TYPE=exit PACKET_LIMIT=3        | MIX_BATCH_SIZE must not be above PACKET_LIMIT, or no batch would ever be full
            """)
    void isNamedWithItsValueAndTheMend(String settings, String message, CapturedOutput output) {
        assertThatException().isThrownBy(() -> start(settings + " KEY_FILE=" + Keys.privateFile(keys, Hop.EXIT)));

        assertThat(output.toString().strip()).isEqualTo("mixnode: " + message);
    }

    @Test
    void aMissingKeyIsNamed(CapturedOutput output) {
        assertThatException().isThrownBy(() -> start("NODE_TYPE=exit KEY_FILE=/nowhere/key"));

        assertThat(output.toString().strip())
                .isEqualTo("mixnode: There is no key file /nowhere/key: make one with \"java -jar mixnode.jar keys --out DIR\".");
    }

    @Test
    void aKeyOfAnotherKindIsNamedAndNotShown(CapturedOutput output) {
        Path publicKey = Keys.publicFile(keys, Hop.EXIT);
        assertThatException().isThrownBy(() -> start("NODE_TYPE=exit KEY_FILE=" + publicKey));

        assertThat(output.toString().strip())
                .isEqualTo("mixnode: " + publicKey + " is not a node's private key: make one with \"java -jar mixnode.jar keys --out DIR\".");
    }

    @ParameterizedTest
    @EnumSource
    void inProductionADevelopmentKeyIsRefused(Hop hop, CapturedOutput output) {
        Path key = Keys.privateFile(Path.of("../secrets/dev"), hop);
        assertThatException().isThrownBy(() -> start("NODE_TYPE=exit spring.profiles.active=production KEY_FILE=" + key));

        assertThat(output.toString().strip()).isEqualTo("mixnode: The key file " + key + " is development's, which everybody knows: call"
                + " bash scripts/secrets.sh, which makes keys of this host's own and sets MIXNODE_KEYS.");
    }

    @ParameterizedTest
    @CsvSource({"nowhere, ''", "empty, ''", "two-lines, 'one\ntwo'"})
    void anExitThatSendsToTheServiceNeedsAToken(String name, String content, CapturedOutput output) throws Exception {
        Path token = keys.resolve(name);
        if (!name.equals("nowhere")) {
            Files.writeString(token, content);
        }
        assertThatException().isThrownBy(() -> start(toTheService(token)));

        assertThat(output.toString().strip()).isEqualTo("mixnode: The token file " + token + " is missing, or is not one line of plain characters:"
                + " an exit that sends to the service needs one, which bash scripts/secrets.sh makes.");
    }

    @Test
    void inProductionDevelopmentsTokenIsRefused(CapturedOutput output) {
        Path token = Path.of("../secrets/dev/mixnet_token.txt");
        assertThatException().isThrownBy(() -> start(toTheService(token) + " spring.profiles.active=production"));

        assertThat(output.toString().strip()).isEqualTo("mixnode: The token file " + token + " is development's, which everybody knows: call"
                + " bash scripts/secrets.sh, which makes one of this host's own.");
    }

    private static String toTheService(Path token) {
        return "NODE_TYPE=exit NEXT_HOP=http://127.0.0.1:1 KEY_FILE=" + Keys.privateFile(keys, Hop.EXIT) + " TOKEN_FILE=" + token;
    }

    private static void start(String settings) {
        List<String> arguments = new ArrayList<>();
        for (String setting : settings.split(" ")) {
            arguments.add("--" + setting);
        }
        SpringApplication.run(Mixnode.class, arguments.toArray(String[]::new)).close();
    }
}
