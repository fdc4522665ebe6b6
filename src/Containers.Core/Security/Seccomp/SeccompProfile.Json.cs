using System.Text;
using Containers.Security.Seccomp;

namespace Containers;

// Profiles as other runtimes write them.
public sealed partial class SeccompProfile
{
    /// <summary>Reads a profile as the OCI runtime specification or Docker writes it, with Docker's includes and excludes by capability, architecture and kernel.</summary>
    /// <param name="json">The document.</param>
    /// <remarks>Calls of unknown names are passed over, as runc does. As in libseccomp a rule without conditions goes before those of the same call with conditions; among rules of the same kind, the first one.</remarks>
    /// <exception cref="ContainerException">It is malformed, or has an action, comparison or capability that there is not. The message has the line, or the path.</exception>
    public static SeccompProfile FromJson(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        return SeccompReader.Read(Encoding.UTF8.GetBytes(json), "given as text");
    }

    /// <summary>Reads a profile from a file: see <see cref="FromJson"/>.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="ContainerException">It cannot be read, or is no profile.</exception>
    public static SeccompProfile FromFile(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        byte[] json;
        try
        {
            json = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ContainerException($"The seccomp profile \"{path}\" cannot be read: {e.Message}", innerException: e);
        }

        return SeccompReader.Read(json, $"\"{path}\"");
    }

    /// <summary>The profile as a document that Docker, Podman and <see cref="FromJson"/> read, and decide by as this profile does.</summary>
    /// <remarks>
    /// Such a document knows no order of rules. Where a later rule takes away from an earlier one, the earlier one is written with
    /// conditions that leave that out: the refusal of one ioctl makes about thirty rules, each on one bit more. A container's capabilities
    /// stay conditions, in the form of Docker.
    /// </remarks>
    /// <exception cref="ContainerException">More rules would be needed than make sense.</exception>
    public string ToJson() => SeccompWriter.Write(this);
}
