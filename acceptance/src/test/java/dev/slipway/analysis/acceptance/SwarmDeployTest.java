package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

/**
 * Deploys to a Swarm of three engines, whose addresses SWARM_ENGINES has, the manager's first: two gateways, the database on the second at first.
 * {@code SWARM kill I} ends the one of that number, {@code SWARM up 3} brings it back; {@code SWARM cut I} and {@code SWARM mend I} are its cable.
 */
@ExtendWith({Docker.class, Longer.class})
class SwarmDeployTest {

    private static final String PORT = "8881";

    /** Where no registry is reached, there is no image of these. */
    private static final List<String> NOT_STARTED = List.of("grafana", "loki", "alloy", "cadvisor");

    @TempDir
    static Path project;

    private static List<String> engines;
    private static List<String> gateways;
    private static String token;

    /** The engine that has the database, from 0. */
    private static int database = 1;

    @BeforeAll
    static void up() throws Exception {
        if (System.getenv("SWARM_ENGINES") == null) {
            System.out.println("SKIPPED: SwarmDeployTest, for SWARM_ENGINES names no engines of a Swarm");
            abort("no Swarm");
        }
        engines = List.of(System.getenv("SWARM_ENGINES").split(" "));
        down();                        // What a run that was cut off has left.
        Project.copy(project);
        Files.writeString(project.resolve(".env"), "COMPOSE_PROFILES=backup,edge,monitoring\nEDGE_HTTP_PORT=8880\nEDGE_HTTPS_PORT=8443\nHTTP_PORT=" + PORT + "\nIMAGE=swarm-app\nAPP_REPLICAS=2\nAPP_CPUS=1.0\n");
        System.out.println("SKIPPED: " + String.join(", ", NOT_STARTED) + " on a Swarm: no image of them here");
        here("for service in " + String.join(" ", NOT_STARTED) + "; do sed -i \"/^  $service:/,/profiles:/s/profiles: .*/profiles: [left-out]/\" monitoring/docker-compose*.yml; done");
        here("IMAGE=localhost/swarm-app TAG=first docker compose -f docker-compose.yml build --quiet app; docker tag localhost/swarm-app:first localhost/swarm-app:second;"
                + " printf 'FROM localhost/swarm-app:first\\nENV SERVER_PORT=9999\\n' | docker build --quiet --tag localhost/swarm-app:deaf -;"
                + " docker save $(docker compose -f docker-compose.yml -f docker-compose.prod.yml config --images | grep -v -e swarm-app -e /analysis- | sort -u) localhost/swarm-app:{first,second,deaf} > images");
        for (String engine : engines) {
            here("docker --host " + engine + " load --quiet < images");
        }
        Files.delete(project.resolve("images"));
        List<String> nodes = engines.stream().map(engine -> here("docker --host " + engine + " info --format '{{.Swarm.NodeID}}'").strip()).toList();
        gateways = engines.subList(0, 2).stream().map(engine -> here("docker --host " + engine + " info --format '{{.Swarm.NodeAddr}}'").strip()).toList();
        here("bash scripts/secrets.sh");
        assertThat(manager("bash scripts/swarm.sh deploy first").text()).contains("no host that is ready has the label database=primary");
        manager("docker node update --label-add database=primary " + nodes.get(1)).assertSuccess();
        assertThat(manager("bash scripts/swarm.sh deploy first").text()).contains("no host that is ready has the label gateway=yes");
        manager("docker node update --label-add gateway=yes " + nodes.get(0) + " && docker node update --label-add gateway=yes " + nodes.get(1)).assertSuccess();
        assertThat(manager("bash scripts/swarm.sh deploy first").text()).contains("0 hosts that are ready have the label edge=yes");
        manager("docker node update --label-add edge=yes " + nodes.get(0)).assertSuccess();
        assertThat(manager("bash scripts/swarm.sh deploy first").text()).contains("0 hosts that are ready have the label monitoring=yes");
        manager("docker node update --label-add monitoring=yes " + nodes.get(0)).assertSuccess();
        assertThat(manager("bash scripts/swarm.sh deploy first").assertSuccess().text()).contains("Pending migrations: V1").endsWith("Deployed first.\n");
        Docker.run(project, Map.of("DOCKER_HOST", engines.get(1)), "bash", "-c",
                "bash scripts/token.sh create tests --scope analyses:read --scope analyses:write --file token").assertSuccess();
        token = Files.readString(project.resolve("token")).strip();
    }

    @AfterAll
    static void down() {
        if (engines != null) {
            for (String engine : engines) {
                Docker.run(Path.of("."), Map.of("DOCKER_HOST", engines.get(0)), "bash", "-c", "docker stack rm " + Project.NAME
                        + "; node=$(docker --host " + engine + " info -f '{{.Swarm.NodeID}}')"
                        + "; docker node update --label-rm database $node; docker node update --label-rm gateway $node; docker node update --label-rm monitoring $node; docker node update --label-rm edge $node"
                        + "; export DOCKER_HOST=" + engine + "; for i in {1..60}; do docker ps -q | grep -q . || break; sleep 1; done; docker container prune -f"
                        + "; docker volume ls -q | grep ^" + Project.NAME + "_ | xargs -r docker volume rm");
            }
            Docker.run(Path.of("."), Map.of("DOCKER_HOST", engines.get(0)), "bash", "-c",
                    "docker secret ls -q | xargs -r docker secret rm; docker config ls -q | xargs -r docker config rm");
        }
    }

    @Test
    void aDeployReplacesTheOldVersionAndNoRequestFails() throws Exception {
        Map<String, Integer> answers = whileAsked(() ->
                assertThat(manager("bash scripts/swarm.sh deploy second").assertSuccess().text()).endsWith("Deployed second.\n"));

        assertThat(answers).containsOnlyKeys("200");
        assertThat(manager("bash scripts/swarm.sh status").assertSuccess().text()).contains(Project.NAME + "_app: 2/2 of second on ");
    }

    @Test
    void theEdgeServesByTlsAndEachHostIsAskedForPrivileges() {
        assertThat(here("curl -sk -o /dev/null -w '%{http_code}' https://" + gateways.get(0) + ":8443/readyz")).isEqualTo("200");
        assertThat(manager("bash scripts/swarm.sh status").assertSuccess().text()).contains("may get new privileges: {\"no-new-privileges\": true}");
    }

    @Test
    void aVersionThatIsDeafLeavesTheOldOneServing() throws Exception {
        String before = manager("grep ^TAG= .env").text();

        Map<String, Integer> answers = whileAsked(() -> {
            Docker.Output deaf = manager("bash scripts/swarm.sh deploy deaf");
            assertThat(deaf.exitCode()).as(deaf.text()).isEqualTo(1);
            assertThat(deaf.text()).contains("the app of deaf did not become ready; the Swarm serves " + before.strip().replace("TAG=", ""));
        });

        assertThat(answers).containsOnlyKeys("200");
        assertThat(manager("grep ^TAG= .env").text()).isEqualTo(before);
        manager("bash scripts/swarm.sh status").assertSuccess();
    }

    @Test
    void aPasswordIsChangedTwiceWhileClientsWriteAndNoneIsRefused() throws Exception {
        standby();

        Set<String> acknowledged = whileWritten(() -> {
            for (int i = 0; i < 2; i++) {
                assertThat(manager("bash scripts/secrets.sh rotate db_app --yes").assertSuccess().text()).endsWith("db_app has a new password.\n");
            }
        });

        assertThat(refusals).isEmpty();
        assertThat(keys()).doesNotHaveDuplicates().containsAll(acknowledged);
        assertThat(manager("docker secret ls --format '{{.Name}}'").text()).doesNotContain("way-");
        manager("bash scripts/swarm.sh status").assertSuccess();
    }

    /** For a minute: no write is acknowledged, who is on call hears of it, and after it everything goes on by itself. */
    @Test
    void aStandbyThatIsCutOffStopsWritesUntilItIsBack() throws Exception {
        String swarm = swarm();
        int standby = standby();
        String since = here("docker --host " + engines.get(database) + " ps -q --filter label=com.docker.swarm.service.name=" + Project.NAME + "_db");

        Set<String> acknowledged = whileWritten(() -> {
            here(swarm + " cut " + (standby + 1));
            try {
                await().atMost(Duration.ofMinutes(3)).pollInterval(Duration.ofSeconds(5))
                        .untilAsserted(() -> assertThat(firing()).contains("HostLost", "StandbyStopped", "WritesStandStill"));
                Docker.Output status = manager("bash scripts/swarm.sh status");
                assertThat(status.exitCode()).isEqualTo(1);
                assertThat(status.text()).contains("is Down: start it", "writes stand still, since no standby follows");
            } finally {
                here(swarm + " mend " + (standby + 1));
            }
            await().atMost(Duration.ofMinutes(2)).pollInterval(Duration.ofSeconds(5))
                    .untilAsserted(() -> assertThat(firing()).doesNotContain("StandbyStopped", "WritesStandStill"));
        });

        assertThat(keys()).doesNotHaveDuplicates().containsAll(acknowledged);
        assertThat(here("docker --host " + engines.get(database) + " ps -q --filter label=com.docker.swarm.service.name=" + Project.NAME + "_db")).isEqualTo(since);
    }

    /** The primary killed, and its disk deleted: what a client was told is done is there, once, and the old host becomes the next standby. */
    @Test
    void theStandbyTakesOverAndNothingThatWasAcknowledgedIsLost() throws Exception {
        String swarm = swarm();
        int standby = standby();
        Docker.Output refused = manager("bash scripts/promote.sh");
        assertThat(refused.exitCode()).as(refused.text()).isEqualTo(1);
        assertThat(refused.text()).contains("the database serves, on ").contains("nothing was changed");

        Set<String> acknowledged = whileWritten(() -> {
            Thread.sleep(new Random().nextInt(5000) + 2000);
            String volume = here("docker --host " + engines.get(database) + " volume inspect -f '{{.Mountpoint}}' " + Project.NAME + "_db-data").strip();
            here(swarm + " kill " + (database + 1) + "; rm -r " + volume);
            assertThat(manager("bash scripts/promote.sh").assertSuccess().text()).contains(" has the database, up to ");
            Thread.sleep(10_000);
        });
        int before = database;
        database = standby;

        assertThat(keys()).doesNotHaveDuplicates().containsAll(acknowledged);

        here(swarm + " up 3");
        here("docker --host " + engines.get(before) + " container prune -f; docker --host " + engines.get(before) + " volume rm -f " + Project.NAME + "_db-data");
        standby();
    }

    private static String swarm() {
        String swarm = System.getenv().getOrDefault("SWARM", "");
        if (swarm.isEmpty()) {
            System.out.println("SKIPPED: the death of a host and of its cable, for SWARM names no command that ends one");
            abort("no way to end a host");
        }
        return swarm;
    }

    /** Which engine has the standby, which there is from then on, lossless. */
    private static int standby() {
        int standby = 3 - database;
        manager("grep -q DB_STANDBY .env || echo DB_STANDBY=lossless >> .env; docker node update --label-add database=standby " + node(standby)).assertSuccess();
        if (!manager("bash scripts/swarm.sh status").text().contains(" s behind, lossless")) {
            manager("bash scripts/swarm.sh deploy").assertSuccess();
        }
        assertThat(manager("bash scripts/swarm.sh status").text()).contains(" s behind, lossless");
        return standby;
    }

    private static List<String> keys() {
        return here("export DOCKER_HOST=" + engines.get(database) + "; docker exec -i $(docker ps -q --filter label=com.docker.swarm.service.name="
                + Project.NAME + "_db) bash -c 'mariadb --defaults-extra-file=<(printf \"[client]\\nuser=root\\npassword=\\\"%s\\\"\\n\" "
                + "\"$(< /run/secrets/db_root)\") -N -B app -e \"SELECT idempotency_key FROM analysis WHERE idempotency_key IS NOT NULL\"'").lines().toList();
    }

    private static List<String> firing() {
        String alerts = manager("docker exec $(docker ps -q --filter label=com.docker.swarm.service.name=" + Project.NAME
                + "_prometheus) wget -Y off -q -O - 'http://127.0.0.1:9090/api/v1/query?query=ALERTS%7Balertstate=%22firing%22%7D'").text();
        return new JsonMapper().readTree(alerts).at("/data/result").findValuesAsString("alertname");
    }

    private static String node(int engine) {
        return here("docker --host " + engines.get(engine) + " info --format '{{.Swarm.NodeID}}'").strip();
    }

    /** What the clients of {@link #whileWritten} were answered where it was not that it is done. */
    private static final Queue<String> refusals = new ConcurrentLinkedQueue<>();

    /** The keys of the writes through the first gateway that were acknowledged; what was not is sent again until it is. */
    private static Set<String> whileWritten(Deploy deploy) throws Exception {
        refusals.clear();
        Set<String> acknowledged = ConcurrentHashMap.newKeySet();
        AtomicBoolean stop = new AtomicBoolean();
        HttpClient http = HttpClient.newHttpClient();
        List<Thread> clients = new ArrayList<>();
        for (int client = 0; client < 4; client++) {
            clients.add(new Thread(() -> {
                while (!stop.get()) {
                    String key = UUID.randomUUID().toString();
                    HttpRequest request = HttpRequest.newBuilder(URI.create("http://" + gateways.get(0) + ":" + PORT + "/api/analyses"))
                            .timeout(Duration.ofSeconds(25)).header("Authorization", "Bearer " + token).header("Content-Type", "application/json")
                            .header("Idempotency-Key", key).POST(HttpRequest.BodyPublishers.ofString("{\"name\": \"written\", \"values\": [1, 2]}")).build();
                    while (!stop.get() && !acknowledged.contains(key)) {
                        try {
                            int status = http.send(request, HttpResponse.BodyHandlers.ofString()).statusCode();
                            if (status == 202) {
                                acknowledged.add(key);
                            } else {
                                refusals.add(String.valueOf(status));
                            }
                            Thread.sleep(50);
                        } catch (IOException e) { // It is sent again.
                            refusals.add(e.toString());
                        } catch (InterruptedException e) {
                            return;
                        }
                    }
                }
            }));
        }
        during(clients, stop, deploy);
        System.out.println("written: " + acknowledged.size() + ", and answered otherwise: " + refusals.size());
        assertThat(acknowledged).hasSizeGreaterThan(20);
        return acknowledged;
    }

    private interface Deploy {
        void run() throws Exception;
    }

    /** The answers of both gateways, each asked ten times a second, and how many there are of each. */
    private static Map<String, Integer> whileAsked(Deploy deploy) throws Exception {
        Map<String, Integer> answers = new ConcurrentHashMap<>();
        AtomicBoolean stop = new AtomicBoolean();
        List<Thread> clients = new ArrayList<>();
        for (String gateway : gateways) {
            HttpClient http = HttpClient.newHttpClient();
            HttpRequest request = HttpRequest.newBuilder(URI.create("http://" + gateway + ":" + PORT + "/api/analyses"))
                    .timeout(Duration.ofSeconds(20)).header("Authorization", "Bearer " + token).build();
            clients.add(new Thread(() -> {
                while (!stop.get()) {
                    try {
                        Thread.sleep(100);
                        answers.merge(String.valueOf(http.send(request, HttpResponse.BodyHandlers.ofString()).statusCode()), 1, Integer::sum);
                    } catch (IOException e) {
                        answers.merge(e.toString(), 1, Integer::sum);
                    } catch (InterruptedException e) {
                        return;
                    }
                }
            }));
        }
        during(clients, stop, deploy);
        System.out.println("while a Swarm was deployed to: " + answers);
        return answers;
    }

    private static void during(List<Thread> clients, AtomicBoolean stop, Deploy deploy) throws Exception {
        clients.forEach(Thread::start);
        try {
            deploy.run();
        } finally {
            stop.set(true);
            for (Thread client : clients) {
                client.join();
            }
        }
    }

    private static Docker.Output manager(String commands) {
        return Docker.run(project, Map.of("DOCKER_HOST", engines.get(0)), "bash", "-c", commands);
    }

    private static String here(String commands) {
        return Docker.run(project, Map.of(), "bash", "-ec", commands).assertSuccess().text();
    }
}
