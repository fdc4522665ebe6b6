using System.Text;
using Containers.Layers;
using Containers.Native;

namespace Containers.Images.Building;

/// <summary>Writes a tar of which every byte follows from what is put in: all of it is root's, and has one time.</summary>
internal sealed class TarWriter
{
    private readonly Stream _output;
    private readonly TarOutput _tar;
    private readonly Kernel.statx_timestamp _time;

    public TarWriter(Stream output, DateTimeOffset time)
    {
        _output = output;
        _time = new Kernel.statx_timestamp { tv_sec = time.ToUnixTimeSeconds() };
        _tar = new TarOutput(output, _time);
    }

    public void Write(string path, TreeEntry entry)
    {
        switch (entry.Kind)
        {
            case TreeEntryKind.Directory:
                _tar.Write(Entry(path, TarOutput.Directory, entry.Mode));
                break;
            case TreeEntryKind.SymbolicLink:
                _tar.Write(Entry(path, TarOutput.SymbolicLink, entry.Mode) with { Target = Encoding.UTF8.GetBytes(entry.Target!) });
                break;
            default:
                using (Stream content = entry.HostPath is null ? new MemoryStream(entry.Content!) : File.OpenRead(entry.HostPath))
                {
                    WriteFile(path, content, entry.Mode, entry.Capability);
                }

                break;
        }
    }

    /// <summary>Writes a file whose content is as long as the stream says.</summary>
    public void WriteFile(string path, Stream content, uint mode, byte[]? capability = null)
    {
        TarOutputEntry entry = Entry(path, TarOutput.File, mode) with { Size = content.Length };
        _tar.Write(capability is null ? entry : entry with { Attributes = new Dictionary<string, byte[]> { ["security.capability"] = capability } });
        content.CopyTo(_output);
        if (content.Position != entry.Size)
        {
            throw new ImageException($"The file for \"{path}\" changed while it was read.");
        }

        _tar.Pad(entry.Size);
    }

    public void Finish() => _tar.Finish();

    private TarOutputEntry Entry(string path, char type, uint mode) => new(Encoding.UTF8.GetBytes(path), type) { Mode = mode, Modified = _time };
}
