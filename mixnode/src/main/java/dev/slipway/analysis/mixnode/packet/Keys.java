package dev.slipway.analysis.mixnode.packet;

import com.google.crypto.tink.HybridDecrypt;
import com.google.crypto.tink.HybridEncrypt;
import com.google.crypto.tink.InsecureSecretKeyAccess;
import com.google.crypto.tink.KeysetHandle;
import com.google.crypto.tink.RegistryConfiguration;
import com.google.crypto.tink.TinkJsonProtoKeysetFormat;
import com.google.crypto.tink.hybrid.HpkeParameters;
import com.google.crypto.tink.hybrid.HybridConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** The nodes' keys as files: Tink keysets in JSON, {@code mixnode_entry.json} and {@code mixnode_entry.public.json}. */
public final class Keys {

    private static final HpkeParameters PARAMETERS;

    static {
        try {
            HybridConfig.register();
            PARAMETERS = HpkeParameters.builder()
                    .setKemId(HpkeParameters.KemId.DHKEM_X25519_HKDF_SHA256)
                    .setKdfId(HpkeParameters.KdfId.HKDF_SHA256)
                    .setAeadId(HpkeParameters.AeadId.AES_256_GCM)
                    .setVariant(HpkeParameters.Variant.NO_PREFIX) // A prefix would be the same in every packet.
                    .build();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    /** A key file that is missing or holds something else; the message says what to do. */
    public static final class KeyFileException extends RuntimeException {

        KeyFileException(String message) {
            super(message);
        }
    }

    private Keys() {}

    /** @return where a node's private key is in this folder */
    public static Path privateFile(Path folder, Hop hop) {
        return folder.resolve("mixnode_" + hop.label() + ".json");
    }

    /** @return where a node's public key is in this folder */
    public static Path publicFile(Path folder, Hop hop) {
        return folder.resolve("mixnode_" + hop.label() + ".public.json");
    }

    /**
     * Makes the files that are missing in a folder, and overwrites none.
     *
     * @return what was made
     */
    public static List<Path> writeMissing(Path folder) throws IOException {
        List<Path> made = new ArrayList<>();
        if (Files.notExists(folder)) {
            Files.createDirectories(folder);
            setPermissions(folder, "rwx------");
        }
        for (Hop hop : Hop.values()) {
            Path privateFile = privateFile(folder, hop);
            Path publicFile = publicFile(folder, hop);
            try {
                if (Files.notExists(privateFile)) {
                    KeysetHandle pair = KeysetHandle.generateNew(PARAMETERS);
                    write(privateFile, TinkJsonProtoKeysetFormat.serializeKeyset(pair, InsecureSecretKeyAccess.get()));
                    made.add(privateFile);
                    Files.deleteIfExists(publicFile);
                }
                if (Files.notExists(publicFile)) {
                    KeysetHandle publicKey = pair(privateFile).getPublicKeysetHandle();
                    write(publicFile, TinkJsonProtoKeysetFormat.serializeKeysetWithoutSecret(publicKey));
                    made.add(publicFile);
                }
            } catch (GeneralSecurityException e) {
                throw new IllegalStateException(e);
            }
        }
        return made;
    }

    /** Whole or not at all, and readable by a container's user: it is the folder that keeps other users out. */
    private static void write(Path file, String json) throws IOException {
        Path unfinished = Files.createTempFile(file.toAbsolutePath().getParent(), "." + file.getFileName(), "");
        Files.writeString(unfinished, json + "\n");
        setPermissions(unfinished, "r--r--r--");
        Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
    }

    private static void setPermissions(Path path, String permissions) throws IOException {
        if (Files.getFileStore(path).supportsFileAttributeView(PosixFileAttributeView.class)) {
            Files.setPosixFilePermissions(path, PosixFilePermissions.fromString(permissions));
        }
    }

    /** Reads a node's private key. */
    public static HybridDecrypt readPrivate(Path file) {
        try {
            return pair(file).getPrimitive(RegistryConfiguration.get(), HybridDecrypt.class);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    private static KeysetHandle pair(Path file) {
        String json = read(file);
        try {
            KeysetHandle pair = TinkJsonProtoKeysetFormat.parseKeyset(json, InsecureSecretKeyAccess.get());
            if (pair.getPublicKeysetHandle().getPrimary().getKey().getParameters().equals(PARAMETERS)) {
                return pair;
            }
        } catch (GeneralSecurityException | RuntimeException e) {
            // Its message could hold a part of the key.
        }
        throw new KeyFileException(file + " is not a node's private key: make one with \"java -jar mixnode.jar keys --out DIR\".");
    }

    /** Reads the public keys of all nodes. */
    public static Map<Hop, HybridEncrypt> readPublic(Path folder) {
        Map<Hop, HybridEncrypt> keys = new EnumMap<>(Hop.class);
        for (Hop hop : Hop.values()) {
            keys.put(hop, readPublic(folder, hop));
        }
        return keys;
    }

    private static HybridEncrypt readPublic(Path folder, Hop hop) {
        Path file = publicFile(folder, hop);
        String json = read(file);
        try {
            KeysetHandle key = TinkJsonProtoKeysetFormat.parseKeysetWithoutSecret(json);
            if (key.getPrimary().getKey().getParameters().equals(PARAMETERS)) {
                return key.getPrimitive(RegistryConfiguration.get(), HybridEncrypt.class);
            }
        } catch (GeneralSecurityException | RuntimeException e) {
            // As below.
        }
        throw new KeyFileException(file + " is not a node's public key: ask who runs the nodes for it.");
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (NoSuchFileException e) {
            throw new KeyFileException("There is no key file " + file + ": make one with \"java -jar mixnode.jar keys --out DIR\".");
        } catch (IOException e) {
            throw new KeyFileException("The key file " + file + " cannot be read: see its owner and mode (" + e + ").");
        }
    }
}
