namespace Containers.Native;

/// <summary>What a mount forbids: mount_setattr(2).</summary>
[Flags]
public enum MountAttributes
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Changes.</summary>
    ReadOnly = 1,

    /// <summary>That set-user-ID bits and file capabilities take effect.</summary>
    NoSetUserId = 2,

    /// <summary>The use of device nodes.</summary>
    NoDevices = 4,

    /// <summary>That programs are executed.</summary>
    NoExecute = 8,
}
