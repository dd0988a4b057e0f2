package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** scripts/token.sh, and whom the service lets in with what it makes, on the base layer in a copy of the project. */
@ExtendWith(Docker.class)
class TokensTest {

    private static final Pattern TOKEN = Pattern.compile(Project.NAME + "_[A-Za-z0-9]{43}_[0-9a-f]{6}");
    private static final Duration SOON = Duration.ofSeconds(5);

    private static final HttpClient http = HttpClient.newHttpClient();

    @TempDir
    static Path project;

    private static Stack stack;

    @BeforeAll
    static void up() throws IOException {
        Project.copy(project);
        stack = Stack.of("docker-compose.yml").in(project).up();
    }

    @AfterAll
    static void down() {
        if (stack != null) {
            stack.script("restore.sh", "--drop-old", "--yes");
            stack.close();
        }
    }

    @Test
    void aTokenIsWrittenToAFileOfItsOwnerAloneAndMayWhatItsScopesSay() throws Exception {
        String token = create("ann", "analyses:read");

        assertThat(Files.readString(project.resolve("ann"))).matches(TOKEN.pattern() + "\n");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(project.resolve("ann")))).isEqualTo("rw-------");
        assertThat(status(token)).isEqualTo(200);
        assertThat(answer(token, request("/api/analyses").POST(HttpRequest.BodyPublishers.ofString("{\"name\": \"a\", \"values\": [1]}")).header("Content-Type", "application/json")))
                .satisfies(refused -> assertThat(refused.statusCode()).isEqualTo(403))
                .satisfies(refused -> assertThat(refused.body()).contains("urn:problem-type:forbidden"));
        assertThat(status(token.replaceAll(".$", "x"))).isEqualTo(401);
        assertRefused("ann has a valid token: bash scripts/token.sh rotate ann", "create", "ann", "--scope", "analyses:read", "--file", "another");
        assertThat(project.resolve("another")).doesNotExist();
    }

    @Test
    void aTokenIsShownOnATerminalAlone() throws Exception {
        assertRefused("a token is shown on a terminal alone: --file FILE", "create", "bob", "--scope", "analyses:read");
        assertThat(list("bob")).isEmpty();

        String shown = stack.run("script -qec 'bash scripts/token.sh create bob --scope analyses:read' /dev/null").assertSuccess().text();

        Matcher token = TOKEN.matcher(shown);
        assertThat(token.find()).as("one is shown").isTrue();
        assertThat(status(token.group())).isEqualTo(200);
    }

    @Test
    void aListTellsWhoseTokensThereAreAndHowTheyAre() throws Exception {
        create("cid", "analyses:read", "analyses:write");
        create("dan", "analyses:read");
        token("revoke", "dan").assertSuccess();
        stack.sql("UPDATE access_token SET last_used_at = '2026-01-02 03:04:05' WHERE name = 'dan'");

        assertThat(token("list").assertSuccess().text().split(" +|\n"))
                .startsWith("ID", "NAME", "SCOPES", "CREATED", "EXPIRES", "STATE", "LAST-USED");
        assertThat(list("cid")).singleElement().asString().matches("[0-9a-f]{8}  cid +analyses:read,analyses:write +\\S+Z +\\S+Z +valid +-");
        assertThat(list("dan")).singleElement().asString().matches("[0-9a-f]{8}  dan +analyses:read +\\S+Z +\\S+Z +revoked +2026-01-02T03:04:05Z");
    }

    @Test
    void aRotationLeavesBothValidUntilTheOneBeforeEnds() throws Exception {
        String before = create("eli", "analyses:read", "analyses:write");
        String id = id("eli");

        String after = rotate("eli");

        assertThat(List.of(status(before), status(after))).containsOnly(200);
        assertThat(stack.sql("SELECT scopes, ROUND(TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), expires_at) / 86400) FROM access_token"
                        + " WHERE name = 'eli' ORDER BY created_at"))
                .as("their scopes, and the days that they are valid for")
                .isEqualTo("analyses:read analyses:write\t1\nanalyses:read analyses:write\t90");
        assertRefused("eli has more than one valid token, " + id + " ", "rotate", "eli", "--file", "another");

        stack.sql("UPDATE access_token SET expires_at = UTC_TIMESTAMP(6) WHERE LOWER(LEFT(HEX(hash), 8)) = '" + id + "'");

        await().atMost(SOON).until(() -> status(before) == 401);
        assertThat(status(after)).isEqualTo(200);
        assertThat(list("eli")).satisfiesExactly(one -> assertThat(one).contains(" expired "), other -> assertThat(other).contains(" valid "));
    }

    @Test
    void aRevocationHoldsSoon() throws Exception {
        String token = create("fay", "analyses:read");
        assertThat(status(token)).isEqualTo(200);

        String id = id("fay");
        assertThat(token("revoke", "fay").assertSuccess().text()).isEqualTo("token " + id + " of fay is revoked, which holds within 5 s\n");

        await().atMost(SOON).until(() -> status(token) == 401);
        assertThat(token("revoke", "fay").assertSuccess().text()).isEqualTo("fay has no valid token, so nothing was changed\n");
        assertRefused("there is no token of nobody", "revoke", "nobody");

        String another = create("fay", "analyses:read"); // Which the one before does not stand in the way of.
        String anothers = stack.sql("SELECT LOWER(LEFT(HEX(hash), 8)) FROM access_token WHERE name = 'fay' AND revoked_at IS NULL");
        token("revoke", anothers).assertSuccess();
        assertThat(status(another)).isEqualTo(401);
    }

    @Test
    void aTokenIsInNoLogInNoContainersConfigurationAndInNoBackup() throws Exception {
        String token = create("gus", "analyses:read");
        String revoked = create("hal", "analyses:read");
        token("revoke", "hal").assertSuccess();
        assertThat(List.of(status(token), status(revoked))).containsExactly(200, 401);
        assertThat(answer(null, request("/api/analyses?access_token=" + token)).statusCode()).as("one in a query lets nobody in").isEqualTo(401);

        StringBuilder all = new StringBuilder(stack.compose("logs").assertSuccess().text()); // With the refusal of hal's, by name.
        for (String container : stack.containers()) {
            all.append(Docker.run("docker", "inspect", container).assertSuccess().text());
        }
        all.append(stack.run("gzip --decompress --stdout " + backUp() + "/dump.sql.gz").assertSuccess().text());

        assertThat(all.toString().contains("The token hal is ") && all.toString().contains("'gus'")).as("it is where they would be").isTrue();
        for (String secret : List.of(token, revoked)) { // Without AssertJ's message, which would print it.
            assertThat(all.indexOf(secret)).as("where a token is").isNegative();
        }
    }

    @Test
    void aRestoreBringsNoTokenBackThatWasRevokedUnlessItIsTold() throws Exception {
        String revoked = create("ida", "analyses:read");
        String rotated = create("jim", "analyses:read");
        String other = create("kim", "analyses:read");
        String backup = backUp();
        String before = id("jim");
        String ended = "SELECT name, revoked_at, expires_at FROM access_token"
                + " WHERE name = 'ida' OR LOWER(LEFT(HEX(hash), 8)) = '" + before + "' ORDER BY name";
        token("revoke", "ida").assertSuccess();
        rotate("jim");
        stack.sql("UPDATE access_token SET expires_at = UTC_TIMESTAMP(6) WHERE LOWER(LEFT(HEX(hash), 8)) = '" + before + "'");
        String rows = stack.sql(ended);

        String restored = stack.script("restore.sh", "--yes", backup).assertSuccess().text();

        assertThat(restored).contains("in the one before: ida jim. They are ended again\n");
        assertThat(stack.sql(ended)).isEqualTo(rows);
        assertThat(List.of(status(revoked), status(rotated), status(other))).containsExactly(401, 401, 200);

        if (!Longer.isOn("TokensTest, a restore that is undone, and one that keeps tokens")) {
            return;
        }
        token("revoke", "kim").assertSuccess();
        assertThat(stack.script("restore.sh", "--back", "--yes").assertSuccess().text()).contains("in the one before: kim. They are ended again\n");
        assertThat(status(other)).isEqualTo(401);

        String kept = stack.script("restore.sh", "--yes", "--keep-tokens", backup).assertSuccess().text();
        assertThat(kept).contains("in the one before: ida jim kim. They are valid, as --keep-tokens says\n");
        assertThat(List.of(status(revoked), status(rotated), status(other))).containsOnly(200);
    }

    private static Docker.Output token(String... arguments) {
        return stack.script("token.sh", arguments);
    }

    private static void assertRefused(String why, String... arguments) {
        Docker.Output refused = token(arguments);
        assertThat(refused.text()).startsWith("token.sh: " + why).hasLineCount(1);
        assertThat(refused.exitCode()).isEqualTo(1);
    }

    private static String create(String name, String... scopes) throws IOException {
        Files.deleteIfExists(project.resolve(name));
        List<String> arguments = new ArrayList<>(List.of("create", name, "--file", name));
        for (String scope : scopes) {
            arguments.addAll(List.of("--scope", scope));
        }
        return made(name, token(arguments.toArray(String[]::new)));
    }

    private static String rotate(String name) throws IOException {
        return made(name + "-2", token("rotate", name, "--file", name + "-2"));
    }

    private static String made(String file, Docker.Output output) throws IOException {
        output.assertSuccess();
        String token = Files.readString(project.resolve(file)).strip();
        assertThat(output.text()).contains(project.toRealPath().resolve(file).toString()).doesNotContain(token);
        return token;
    }

    private static List<String> list(String name) {
        return token("list").assertSuccess().text().lines().filter(line -> line.contains("  " + name + "  ")).toList();
    }

    /** Of the only token of a name. */
    private static String id(String name) {
        return list(name).get(0).substring(0, 8);
    }

    private static String backUp() {
        return stack.script("backup.sh").assertSuccess().text().replaceAll("(?s).*(var/backups/[0-9TZ-]+): .*", "$1");
    }

    private static int status(String token) throws Exception {
        return answer(token, request("/api/analyses")).statusCode();
    }

    private static HttpResponse<String> answer(String token, HttpRequest.Builder request) throws Exception {
        Stream.ofNullable(token).forEach(one -> request.header("Authorization", "Bearer " + one));
        return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    private static HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create("http://localhost:" + stack.httpPort() + path)).timeout(Duration.ofSeconds(30));
    }
}
